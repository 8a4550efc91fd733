"""The loops: gather, apply, resume, take over, roll back. All are one: plan, check that it refines what was approved,
run the first stage, gather, again.

`channels` speak with one target and keep its lease, `driving` runs flows, `track` is the loop of one target, `board`
what tracks know of each other, `intents` writes down what they are about to do, `rollout` whose turn it is, `converge`
starts them all. `events` is what the faces hear, `pausing` how they ask for a rest.

Boundary: the engine never prints and knows no platform; it is handed transports, resources and a journal.
"""
