"""The pages of models, dictionaries and captures."""
