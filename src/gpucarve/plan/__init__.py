"""From resources and snapshots to a plan: what to do, in which order, why, with what disruption and way back.

`plans` are the values, `making` makes a draft (a plan with its work), `refinement` says whether a later draft still is
what was approved, `rollouts` how a plan goes over hosts, `codec` is the plan as JSON.

Boundary: pure. The draft's work is handed to the engine; a saved plan holds none.
"""
