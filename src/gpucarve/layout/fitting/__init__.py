"""From a demand to the best cut of many GPUs, with a proof; or exactly why there is none.

`demand` is what is asked for, `boards` what a card can carry of it, `supply` the GPUs with what stands there. Of these
`patterns` makes the columns of the model (whole-GPU layouts), `models` joins them, and `exact` or `mip` solves it;
`solving` chooses, `answers` is what comes out, `certificates` proves it. `refusals` explains, `moves` orders the work.

Boundary: pure. The solver behind the extra `fit` is imported by `mip` alone, when it is asked. Whether an answer is
right is judged by `layout.judging`, which shares no code with this.
"""
