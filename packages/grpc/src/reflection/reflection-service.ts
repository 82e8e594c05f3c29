import { assertNever } from '@modelmesh/core';
import { reflectionV1, reflectionV1Alpha } from '@modelmesh/wire/grpc-services';
import { GRPC_CODE } from '@modelmesh/wire/status';
import type { GrpcRouter } from '../call/index.ts';
import { DescriptorIndex } from './descriptor-index.ts';

/** What reflection tells. */
export interface ReflectionOptions {
  /** A serialized `google.protobuf.FileDescriptorSet` that holds its imports. */
  readonly descriptorSet: Uint8Array;
  /** The full names of the services that are offered now; those of the descriptor set unless given. */
  readonly services?: () => readonly string[];
}

// Both versions of the service have the same messages under different names; the structure is what is worked with.
type Question = Pick<reflectionV1.ServerReflectionRequest | reflectionV1Alpha.ServerReflectionRequest, 'messageRequest'>;
type Answer =
  | { readonly case: 'fileDescriptorResponse'; readonly value: { readonly fileDescriptorProto: Uint8Array[] } }
  | {
      readonly case: 'allExtensionNumbersResponse';
      readonly value: { readonly baseTypeName: string; readonly extensionNumber: number[] };
    }
  | { readonly case: 'listServicesResponse'; readonly value: { readonly service: { readonly name: string }[] } }
  | { readonly case: 'errorResponse'; readonly value: { readonly errorCode: number; readonly errorMessage: string } };

/** Serves `grpc.reflection.v1` and `v1alpha`. Source: gRPC's server reflection protocol. */
export function addReflection(router: GrpcRouter, options: ReflectionOptions): void {
  const index = new DescriptorIndex(options.descriptorSet);
  const services = options.services ?? (() => index.services);
  router.service(reflectionV1.ServerReflection, {
    serverReflectionInfo: async function* (requests) {
      const sent = new Set<string>();
      for await (const request of requests) {
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request, index, services, sent) };
      }
    },
  });
  router.service(reflectionV1Alpha.ServerReflection, {
    serverReflectionInfo: async function* (requests) {
      const sent = new Set<string>();
      for await (const request of requests) {
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request, index, services, sent) };
      }
    },
  });
}

const notFound = (what: string): Answer => ({
  case: 'errorResponse',
  value: { errorCode: GRPC_CODE.NOT_FOUND, errorMessage: `${what} is not known` },
});

function answer(question: Question, index: DescriptorIndex, services: () => readonly string[], sent: Set<string>): Answer {
  const asked = question.messageRequest;
  switch (asked.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: services().map((name) => ({ name })) } };
    case 'fileByFilename':
      return files(asked.value, `file ${asked.value}`, index, sent);
    case 'fileContainingSymbol':
      return files(index.fileOfSymbol(asked.value), `symbol ${asked.value}`, index, sent);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = asked.value;
      const file = index.fileOfExtension(containingType, extensionNumber);
      return files(file, `extension ${extensionNumber} of ${containingType}`, index, sent);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionNumbers(asked.value);
      if (extensionNumber === undefined) return notFound(`message ${asked.value}`);
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: asked.value, extensionNumber } };
    }
    case undefined:
      return {
        case: 'errorResponse',
        value: { errorCode: GRPC_CODE.INVALID_ARGUMENT, errorMessage: 'the request asks for nothing' },
      };
    default:
      return assertNever(asked);
  }
}

function files(name: string | undefined, what: string, index: DescriptorIndex, sent: Set<string>): Answer {
  const found = name === undefined ? undefined : index.filesFrom(name, sent);
  return found === undefined ? notFound(what) : { case: 'fileDescriptorResponse', value: { fileDescriptorProto: found } };
}
