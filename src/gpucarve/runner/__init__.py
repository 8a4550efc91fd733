"""The program that travels: it runs one workload on a GPU and prints what it saw as one JSON object.

It needs Python 3.9 and the GPU's driver, nothing else: CUDA's and OpenCL's interfaces are spoken through ctypes, and
the kernels come along, compiled ahead to PTX for CUDA and as source for OpenCL. It measures, checks and judges nothing:
what a figure is worth is said by `gpucarve.bench`, on the controller.

Boundary: stands alone. It imports the standard library and itself, so that the folder can be sent to a host; nothing in
gpucarve imports it, `app` packs it and reads its answer.
"""

FORMAT = "gpucarve/runner/1"
