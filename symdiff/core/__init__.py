import time

IMPORT_BEGAN = time.time()  # this is the first module of ours that is read
