"""From what a session holds to statements worth keeping.

`base` says what an extractor is; `rules` is the one that needs no language model, made of `pieces` (cutting),
`chatter` (dropping), `sorting` (categories) and `weighing` (importance).
"""
