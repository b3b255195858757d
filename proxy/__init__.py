"""The one door to models: holds the only provider key, writes one ledger row a call. Refuses what it cannot record."""
