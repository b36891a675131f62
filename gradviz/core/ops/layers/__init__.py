"""What layers compute: activations, convolutions, pooling, normalisation, tables of rows."""
