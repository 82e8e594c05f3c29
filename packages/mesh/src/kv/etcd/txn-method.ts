import { Bug } from '@modelmesh/core';
import { type Method, methodPath } from '@modelmesh/grpc/call';
import { decodeTxnAnswer, encodeTxn, KV, type TxnAnswer, type TxnWords } from '@modelmesh/wire/etcd';

function onlyCalled(): never {
  throw new Bug('the mesh calls etcd and never answers in its place');
}

/** etcd's transaction, with codecs of our own. */
export const TXN: Method<never, TxnWords, TxnAnswer, never> = {
  path: methodPath(KV.method.txn),
  request: { decode: onlyCalled, encode: (words) => [encodeTxn(words)] },
  response: { decode: decodeTxnAnswer, encode: onlyCalled },
};
