"""What is shown: values in, text or plain data out.

Boundary: pure; no file, terminal or clock is touched here. Width and colours are arguments.
"""
