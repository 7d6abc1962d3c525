"""The daemon takes the command out; nobody knows whether it is done then."""

import json

import sysv_ipc

KEY = 0x50454745

queue = sysv_ipc.MessageQueue(KEY, sysv_ipc.IPC_CREAT)
text, _ = queue.receive()
print("limit to", json.loads(text)["limit"])
