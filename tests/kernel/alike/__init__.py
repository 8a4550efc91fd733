"""The twin against the kernel, answer by answer: what is asked, what is compared, and what is not, with reasons.

`steps` is the vocabulary of a scene, `recording` asks the guest once, `judging` asks a twin the same later and
compares. `scenes` are calls by what they are about, `stories` runs of the engine, recorded as they are. `normalisers`
and `differences` are the closed lists of what is not compared, `coverage` counts kinds of calls against classes of
outcomes, `bugs` are faults to be planted in the twin. `portrait` makes the twin of the guest, `boots`
lets it reboot where the guest did.

Boundary: nothing here starts a guest; a recording is judged without one.
"""
