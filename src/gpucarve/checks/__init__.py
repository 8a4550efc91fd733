"""What would go wrong, and whether what was wanted stands: snapshots and drafts to findings.

Boundary: pure; three answers (holds, differs, unknown). Findings never lead to a write by themselves.
"""
