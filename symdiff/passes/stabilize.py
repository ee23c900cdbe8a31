"""(placeholder: the passes room is being built)"""
def stabilize_nodes(outputs, keep=()):
    return list(outputs)
