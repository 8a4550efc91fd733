"""The things of one machine: kernel arguments, the reboot, virtual functions, vGPUs.

Boundary: pure; each module is one resource with the way back beside the way there.
"""
