"""The controller's side of a run: what was intended, what became of it, what was approved.

`store` is the sqlite file, `lock` keeps two processes of one controller apart.

Boundary: digests and sentences, never contents. What a host must remember stands on the host (`calls.state`); losing
the journal loses neither the undo nor the lock.
"""
