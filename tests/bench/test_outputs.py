"""What other programs printed becomes reports; the outputs are those of published procedures, with their figures.

`hashcat-*` and `devicequery-*`: a vGPU M60-8Q beside 24 processors, driver 510.47.03, CUDA 11.6; `transpose-*`: a
MIG-backed vGPU A100D-1-10C; `nvidia-smi-t4`: driver 450.80.02, 3 March 2021; `vectoradd`: CUDA 11.2.1.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gpucarve.bench import outputs
from gpucarve.bench.comparing import compared
from gpucarve.bench.limits import memory
from gpucarve.bench.reports import Report, Standing

FOLDER = Path(__file__).parent / "outputs"


def read(name: str) -> Report:
    """The report of a file."""
    return outputs.read((FOLDER / name).read_text(), name)


def rates(report: Report) -> dict[str, float]:
    """Figure to rate, of the only workload."""
    (workload,) = report.workloads
    return {figure.name: figure.rate for figure in workload.figures}


def test_hashcats_rates_are_read_in_hashes_a_second_of_the_device_that_ran() -> None:
    report = read("hashcat-m60-8q.txt")
    assert report.program == "hashcat v6.2.5"
    assert report.workloads[0].device == "GRID M60-8Q"
    assert rates(report) == {"MD5": 10094.1e6, "SHA-1": 4110.3e6, "SHA-256": 1445.4e6}


def test_a_gpu_beside_a_cpu_is_so_many_times_as_fast_and_no_percentage() -> None:
    found = compared(read("hashcat-cpu.txt"), read("hashcat-m60-8q.txt"))
    assert {each.figure: round(each.ratio or 0, 2) for each in found} == {"MD5": 7.2, "SHA-1": 3.86, "SHA-256": 2.92}
    assert {each.apart for each in found} == {None}


def test_hashcats_lines_for_machines_give_rate_and_clock() -> None:
    report = outputs.read(
        "# hashcat (v6.2.6) Mon Jan  1\n1:0:1980:2619:40.41:116800000000\n1:100:1975:2619:9.1:0\n", "x"
    )
    assert rates(report) == {"MD5": 116.8e9}
    assert report.workloads[0].facts == {"sm_mhz": 1975}
    assert report.program == "hashcat v6.2.6"


def test_hashcats_older_titles_and_several_devices_are_told_apart() -> None:
    text = (
        "* Device #1: GeForce A, 100/200 MB (50 MB allocatable), 8MCU\n* Device #2: GeForce B, 100/200 MB, 8MCU\n"
        "Hashmode: 0 - MD5\nSpeed.#1.........:   708.6 MH/s (1.65ms)\nSpeed.#2.........: 44037.9 kH/s (95.02ms)\n"
        "Speed.#*.........:   752.6 MH/s\n"
    )
    found = {each.device: each.figures[0].rate for each in outputs.read(text, "x").workloads}
    assert found == {"GeForce A": 708.6e6, "GeForce B": pytest.approx(44.0379e6)}


def test_device_querys_facts_have_the_runners_names_and_units() -> None:
    report = read("devicequery-m60-8q.txt")
    (device,) = report.devices
    assert device.name == "GRID M60-8Q"
    assert device.facts["memory_bytes"] == 8589934592
    assert device.facts["multiprocessors"] == 16
    assert (device.facts["capability_major"], device.facts["capability_minor"]) == (5, 2)
    assert (device.facts["clock_khz"], device.facts["memory_clock_khz"]) == (1178000, 2505000)
    assert (device.facts["ecc"], device.facts["pci_bus"], device.facts["cuda_driver"]) == (0, 6, 11060)
    assert report.workloads[0].standing is Standing.RUNS
    pins = memory(device.facts, device.name)
    assert pins is not None
    assert pins.rate == pytest.approx(160.32e9)


def test_a_device_query_that_was_cut_off_has_not_passed() -> None:
    text = (FOLDER / "devicequery-m60-8q.txt").read_text().replace("Result = PASS", "")
    assert outputs.read(text, "x").workloads[0].standing is Standing.FAILED


def test_transposes_rates_are_bytes_by_time_and_held_against_the_copy_of_their_run() -> None:
    report = read("transpose-a100d-1-10c.txt")
    (workload,) = report.workloads
    assert workload.device == "GRID A100D-1-10C MIG 1g.10gb"
    assert len(workload.figures) == 8
    assert rates(report)["simple copy"] == pytest.approx(8 * 1048576 / 0.04908e-3)
    assert rates(report)["simple copy"] / 2**30 == pytest.approx(159.1779, rel=1e-3)  # what the sample calls GB
    assert workload.verdict() == "runs at 95.6 % of the simple copy of the same run (shared memory copy)"
    named = {figure.name: figure.share for figure in workload.figures}
    assert named["naive"] == pytest.approx(0.04908 / 0.06662)
    assert named["simple copy"] is None


def test_a_transpose_that_does_not_say_that_it_passed_is_wrong() -> None:
    text = (FOLDER / "transpose-a100d-1-10c.txt").read_text().replace("Test passed", "Test failed!")
    assert outputs.read(text, "x").workloads[0].standing is Standing.WRONG


@pytest.mark.parametrize(("said", "standing"), [("Test PASSED", Standing.RUNS), ("", Standing.WRONG)])
def test_vector_add_is_believed_when_it_says_that_it_passed(said: str, standing: Standing) -> None:
    text = (FOLDER / "vectoradd.txt").read_text()
    assert "Test PASSED" in text
    (workload,) = outputs.read(text.replace("Test PASSED", said), "x").workloads
    assert (workload.standing, workload.facts["floats"]) == (standing, 50000)


def test_nvidia_smis_table_gives_driver_address_and_memory() -> None:
    (device,) = read("nvidia-smi-t4.txt").devices
    assert device.name == "Tesla T4"
    assert device.facts == {
        "driver": "450.80.02", "pci_address": "00000000:13:00.0", "celsius": 55, "watts": 17, "watts_limit": 70,
        "memory_used_mib": 0, "memory_mib": 15109,
    }  # fmt: skip


def test_nvidia_smis_csv_gives_its_columns() -> None:
    text = "name, pci.bus_id, memory.total [MiB]\nNVIDIA H200, 00000000:19:00.0, 143771 MiB\n"
    (device,) = outputs.read(text, "x").devices
    assert device.facts["memory.total [MiB]"] == "143771 MiB"
    assert device.name == "NVIDIA H200"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        (
            (
                "Device 0: Tesla T4\n Quick Mode\n\n Device to Device Bandwidth, 1 Device(s)\n PINNED Memory\n"
                "   Transfer Size (Bytes)\tBandwidth(GB/s)\n   32000000\t\t\t239.6\n\nResult = PASS\n"
            ),
            239.6e9,
        ),
        (
            (
                " Device to Device Bandwidth, 1 Device(s)\n   Transfer Size (Bytes)\tBandwidth(MB/s)\n   1024\t\t10.0\n"
                "   33554432\t\t\t119432.7\n"
            ),
            119432.7e6,
        ),
        (
            "bandwidthTest-D2D, Bandwidth = 239.6 GB/s, Time = 0.00012 s, Size = 32000000 bytes, NumDevsUsed = 1\n",
            239.6e9,
        ),
    ],
    ids=["table", "older table", "csv"],
)
def test_bandwidth_tests_largest_transfer_counts(text: str, rate: float) -> None:
    assert rates(outputs.read(text, "x")) == {"driver's copy": pytest.approx(rate)}


def test_one_log_of_several_programs_is_one_report() -> None:
    text = "\n".join(
        (FOLDER / name).read_text() for name in ("devicequery-m60-8q.txt", "hashcat-cpu.txt", "vectoradd.txt")
    )
    assert {each.name for each in outputs.read(text, "log").workloads} == {"devices", "hash", "vectoradd"}


@pytest.mark.parametrize("text", ["", "hello\n", "Speed.#1: x\n" * 10, "\0" * 1000, "transpose , Throughput = x"])
def test_a_text_that_is_no_output_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(outputs.UnknownOutput) as told:
        outputs.read(text, "x")
    assert "hashcat" in told.value.hint
