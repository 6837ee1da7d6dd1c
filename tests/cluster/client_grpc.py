"""A gRPC client: client_grpc.py ADDRESS:PORT NAME CA CALLS TEXTS MEGABYTES.

Over one connection, which sends NAME and verifies the certificate by the CA: so many unary calls, a
text of some megabytes, and one stream in both directions, where each text is sent when the one
before has been answered.  Prints what was answered, as JSON.
"""

import json
import queue
import sys

import grpc
from google.protobuf.wrappers_pb2 import StringValue

CALL_S = 60
CODING = {"request_serializer": StringValue.SerializeToString,
          "response_deserializer": StringValue.FromString}


def say(channel, texts):
    """Each text's answer."""
    call = channel.unary_unary("/apps.Chat/Say", **CODING)
    return [call(StringValue(value=text), timeout=CALL_S).value for text in texts]


def talk(channel, texts):
    """The answers of one stream."""
    to_send = queue.SimpleQueue()
    answers = channel.stream_stream("/apps.Chat/Talk", **CODING)(
        iter(to_send.get, None), timeout=CALL_S)
    heard = []
    for text in texts:
        to_send.put(StringValue(value=text))
        heard.append(next(answers).value)
    to_send.put(None)
    return heard + [answer.value for answer in answers]


def main():
    target, name, ca_file, calls, texts, megabytes = sys.argv[1:]
    with open(ca_file, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    options = [("grpc.ssl_target_name_override", name), ("grpc.default_authority", name),
               ("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    with grpc.secure_channel(target, credentials, options) as channel:
        large = "x" * (int(megabytes) << 20)
        print(json.dumps({
            "said": say(channel, [f"call {i}" for i in range(int(calls))]),
            "large": sum(len(answer) for answer in say(channel, [large])) - len(large),
            "talked": talk(channel, [f"text {i}" for i in range(int(texts))])}))


main()
