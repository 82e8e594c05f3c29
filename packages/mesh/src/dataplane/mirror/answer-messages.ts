import { MeshError } from '@modelmesh/core';
import type { AnswerMessage, AnswerTensor } from '@modelmesh/core/traffic';
import { type InflateLimits, inflateMessage } from '@modelmesh/grpc/compression';
import { MessageAssembler } from '@modelmesh/grpc/framing';
import { decodeInferResponse, decodeStreamInferResponse } from '@modelmesh/wire/oip';
import type { RecordedAnswer } from './recording.ts';
import { answerTensor } from './tensor-elements.ts';

type Decode = (bytes: Uint8Array) => readonly AnswerTensor[];

const infer: Decode = (bytes) => decodeInferResponse(bytes).outputs.map(answerTensor);

/** An error in the stream is a message that has no tensors. */
const streamInfer: Decode = (bytes) => {
  const told = decodeStreamInferResponse(bytes);
  if (told.kind === 'error') throw new MeshError('internal', `the stream tells an error: ${told.message}`);
  return told.response.outputs.map(answerTensor);
};

/** How the answers of the methods of the Open Inference Protocol are read; those of others are bytes. */
const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['inference.GRPCInferenceService/ModelInfer', infer],
  ['inference.GRPCInferenceService/ModelStreamInfer', streamInfer],
]);

/** Whether the answers of a method hold tensors. */
export const hasTensors = (method: string): boolean => DECODERS.has(method);

/** The messages of a recorded answer, inflated; what they hold is decoded when it is asked for. @throws {MeshError} for a broken frame, or a bomb. */
export async function messagesOf(method: string, answer: RecordedAnswer, limits: InflateLimits): Promise<AnswerMessage[]> {
  const framed: { readonly bytes: Uint8Array; readonly compressed: boolean }[] = [];
  const assembler = new MessageAssembler(limits.outputBytesMax, (bytes, compressed) => framed.push({ bytes, compressed }));
  for (const chunk of answer.chunks) assembler.push(chunk);
  const decode = DECODERS.get(method);
  const messages: AnswerMessage[] = [];
  for (const { bytes, compressed } of framed) {
    const plain = compressed ? await inflateMessage(answer.encoding, bytes, limits) : bytes;
    messages.push({ bytes: plain, tensors: () => tensorsOf(method, decode, plain) });
  }
  return messages;
}

function tensorsOf(method: string, decode: Decode | undefined, bytes: Uint8Array): readonly AnswerTensor[] {
  if (decode !== undefined) return decode(bytes);
  throw new MeshError('unsupported-method', `answers of ${method} hold no tensors of the Open Inference Protocol`);
}
