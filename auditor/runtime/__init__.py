"""The machinery under the product: the embedded servers, the one-command supervisor, health and backup."""
