"""A twin of Binance's public spot routes as ccxt uses them. Every price is simulated or replayed, never real."""
