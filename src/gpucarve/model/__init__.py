"""The nouns of the field as frozen values: PCI addresses, vGPU types, hosts, keys, diagnostics, findings.

Boundary: pure data with parsing and printing; knows no catalog, no document, no machine.
"""
