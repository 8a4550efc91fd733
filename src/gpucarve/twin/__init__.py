"""The simulated world: machines and clusters as data, and reconcilers that change them as time passes.

`worlds.seed_004()` gives the built-in world; `World.host` and `World.cluster` give transports that answer the calls of
`gpucarve.calls` on it. `server` holds a world in a process of its own and `client.connect` reaches it there.

Boundary: a machine answers below the line of the calls, from a file system, a device tree and a table of commands;
nothing here knows what a caller wants to do with the answers. Time and chance come from one virtual clock and one
seeded generator.
"""
