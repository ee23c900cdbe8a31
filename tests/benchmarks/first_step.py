"""The first training step in a new process, for train_step.py: ``python first_step.py WORKLOAD PEER``."""

import os
import sys

import peers
from workloads import WORKLOADS

if __name__ == "__main__":
    workload, peer = WORKLOADS[sys.argv[1]], peers.make(sys.argv[2])
    peer.setup(workload)
    peer.load(*workload.batches(1))
    peer.reset(workload.weights())
    print(float(peer.run(1)[0]), flush=True)
    os._exit(0)  # what a library does when the process ends is not part of the wait
