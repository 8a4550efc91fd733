"""Results as pages for people: self-contained HTML with pictures in SVG.

Boundary: pure; values to text.
"""
