"""The parts of `benchmarks/hosts.py`: the steps, the sshd's, the relay, and what each tool is given.

Boundary: measured programs run as processes of their own; nothing here is shipped with gpucarve.
"""
