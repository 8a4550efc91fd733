"""The test driver's tables, written as C from gpucarve's catalog: vGPU types, MIG profiles, what a board keeps.

Only types whose number a source gives are in them; the catalog says which. Boundary: text; no file is touched.
"""

from gpucarve import catalog
from gpucarve.catalog import mig_rules
from gpucarve.catalog.entries import GpuModel, VgpuType
from gpucarve.catalog.mig import MigProfile

MODELS = ("a100-pcie-80gb", "l40s", "quadro-rtx-6000")
# The architectures whose hosts, with a kernel that is new enough, have no mediated devices; the bench has them so.
VENDOR_VFIO = ("Ada Lovelace", "Hopper", "Blackwell")


def header() -> str:
    """The text of `tables.h`."""
    models = [model for name in MODELS if (model := catalog.load().gpu_model(name))]
    parts = ["/* Made from gpucarve's catalog by tables.py; see there for the sources. */"]
    parts += [text for model in models for text in (_types(model), _profiles(model))]
    parts.append(_array("board boards", [_board(model) for model in models]))
    ids = [f"{{ PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, 0x{model.device_ids[0]}) }}" for model in models if model.sriov_vgpu]
    parts.append(_array("pci_device_id announced", [*ids, "{ }"]))
    return "\n\n".join(parts) + "\n"


def offered(model: GpuModel) -> list[VgpuType]:
    """The types that the driver offers on this GPU, by number."""
    every = [each for board in model.boards for each in catalog.load().vgpu_types(board)]
    known = [each for each in every if each.type_id is not None and each.driver_name]
    return sorted(known, key=lambda each: each.type_id or 0)


def profiles(model: GpuModel) -> list[MigProfile]:
    """The MIG profiles that nvidia-smi numbers, with a place to stand."""
    known = [each for each in catalog.load().mig_profiles(model.id) if each.profile_id is not None]
    return [each for each in known if each.placements]


def _array(declaration: str, rows: list[str]) -> str:
    body = "".join(f"\t{row},\n" for row in rows)
    return f"static const struct {declaration}[] = {{\n{body}}};"


def _symbol(model: GpuModel) -> str:
    return model.id.replace("-", "_")


def _types(model: GpuModel) -> str:
    rows = []
    for each in offered(model):
        text = (
            ""
            if each.heads is None
            else (
                f"num_heads={each.heads}, frl_config={each.fps}, framebuffer={each.framebuffer_mib}M, "
                f"max_resolution={each.max_resolution}, max_instance={each.max_per_gpu}"
            )
        )
        instance = f'"{each.gi_profile}"' if each.gi_profile else "NULL"
        head = f'{each.type_id}, "{each.type_id}", "{each.driver_name}", {each.framebuffer_mib}, {each.max_per_gpu}'
        rows.append(f'{{ {head}, {instance}, "{text}" }}')
    return _array(f"vgpu_profile {_symbol(model)}_types", rows)


def _profiles(model: GpuModel) -> str:
    rows = []
    for each in profiles(model):
        rule = mig_rules.attribute(each.name.attribute)
        limit = (rule.max_per_gpu or 0) if rule else 0
        ending = each.name.attribute.value
        starts = sum(1 << place.start for place in each.placements)
        size = each.placements[0].size
        memory = each.memory_mib or round((each.memory_gib or 0) * 1024)
        engines = (each.multiprocessors, each.decoders, each.encoders)
        more = (each.copy_engines, each.jpeg_engines, each.optical_flow_engines)
        resources = " ".join(str(count or 0) for count in (memory, *engines, *more))
        numbers = f"{each.compute_slices}, {size}, {each.max_count}, {starts:#x}"
        rows.append(f'{{ {each.profile_id}, "{each.name}", {numbers}, "{ending}", {limit}, "{resources}" }}')
    return _array(f"mig_profile {_symbol(model)}_profiles", rows or ["{ }"])


def _board(model: GpuModel) -> str:
    change = mig_rules.mode_change(model)
    found = profiles(model)
    fields = {
        "device": f"0x{model.device_ids[0]}",
        "model": f'"{model.driver_names[0]}"',
        "memory_mib": str((model.smi_total_mib or (model.memory_mib,))[0]),
        "on_vfs": str(bool(model.sriov_vgpu)).lower(),
        "vendor_vfio": str(model.architecture in VENDOR_VFIO).lower(),
        "mode_kept": str(change is not None and change.mode_change == "gpu-reset").lower(),
        "compute": str(max((each.compute_slices or 0 for each in found), default=0)),
        "memory": str(max((place.end for each in found for place in each.placements), default=0)),
        "types": f"{_symbol(model)}_types",
        "type_count": str(len(offered(model))),
        "profiles": f"{_symbol(model)}_profiles",
        "profile_count": str(len(found)),
    }
    return "{ " + ", ".join(f".{name} = {value}" for name, value in fields.items()) + " }"
