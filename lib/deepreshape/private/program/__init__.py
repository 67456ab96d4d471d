"""From a trained net to what two parties compute on shares, in fixed point."""
