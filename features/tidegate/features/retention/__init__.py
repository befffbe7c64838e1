"""How long account events are kept: what signals still read stays, what none reads any more goes."""
