"""Everything on one machine: a broker, the agents as children, one page that tells how they are.

`installation.Installation` is what `hookline up` and `hookline demo` run. Agents are processes of
their own here as anywhere else; none of them outlives the process that started it.
"""
