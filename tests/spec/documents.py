"""A document that is right, for tests to change."""

GOOD = """\
apiVersion: gpucarve/v1alpha1
kind: Fleet
metadata: {name: lab}
sites:
  - name: edge
    platform: linux
    access: {ssh: {user: admin}}
    pools:
      - name: vdi
        nodes: {names: [gpu-1, gpu-2]}
        workload: vm-vgpu
        cut:
          - gpu: "0000:65:00.0"
            vgpu: {A100D-40C: 2}
"""


def changed(*replacements: tuple[str, str]) -> str:
    """The good document with some of its text replaced; each must be there."""
    text = GOOD
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text
