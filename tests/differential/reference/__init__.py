"""The reference: the real YAQL and Jinja2 engines, with what orquesta and StackStorm put around them."""
