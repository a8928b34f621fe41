"""Parts of the sample hub: small, valid model and dataset files made from fixed seeds, standard library only."""
