"""stub"""
def ensure(config, change): raise NotImplementedError
