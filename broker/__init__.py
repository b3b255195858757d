"""The only code that can move money, and the only holder of Freqtrade's credential. So far it only reads."""
