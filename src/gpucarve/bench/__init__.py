"""Workloads that prove a GPU or a slice, and say how much of it one got.

A workload is run by the program of `gpucarve.runner` on the host that has the GPU. Here stands what is asked of it
(`asking`, a flow), how its answer is read (`answers`), what its figures are worth beside the device's own limits
(`limits`, `judging`), the report that comes of it (`reports`, `codec`), and what two reports say side by side
(`comparing`). `outputs` reads what other programs printed into the same reports.

Boundary: pure; the runner's archive is handed in.
"""
