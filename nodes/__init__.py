"""The steps of the graphs: async functions from state to partial state."""
