import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EndpointStatus, EndpointStatusName } from '@modelmesh/core/endpoints';
import type { ModelStatus, ModelStatusName } from '@modelmesh/core/registration';
import {
  ModelStatusInfo_ModelStatus,
  type ModelStatusInfoSchema,
  VModelStatusInfo_VModelStatus,
  type VModelStatusInfoSchema,
} from '@modelmesh/wire/mmesh';

const MODEL_STATUS = {
  NOT_FOUND: ModelStatusInfo_ModelStatus.NOT_FOUND,
  NOT_LOADED: ModelStatusInfo_ModelStatus.NOT_LOADED,
  LOADING: ModelStatusInfo_ModelStatus.LOADING,
  LOADED: ModelStatusInfo_ModelStatus.LOADED,
  LOADING_FAILED: ModelStatusInfo_ModelStatus.LOADING_FAILED,
  UNKNOWN: ModelStatusInfo_ModelStatus.UNKNOWN,
} as const satisfies Record<ModelStatusName, ModelStatusInfo_ModelStatus>;

const ENDPOINT_STATUS = {
  NOT_FOUND: VModelStatusInfo_VModelStatus.NOT_FOUND,
  DEFINED: VModelStatusInfo_VModelStatus.DEFINED,
  TRANSITIONING: VModelStatusInfo_VModelStatus.TRANSITIONING,
  TRANSITION_FAILED: VModelStatusInfo_VModelStatus.TRANSITION_FAILED,
  UNKNOWN: VModelStatusInfo_VModelStatus.UNKNOWN,
} as const satisfies Record<EndpointStatusName, VModelStatusInfo_VModelStatus>;

/** `ModelStatusInfo` of a status. */
export const modelStatusMessage = ({ status, errors, copies }: ModelStatus): MessageInitShape<typeof ModelStatusInfoSchema> => ({
  status: MODEL_STATUS[status],
  errors: [...errors],
  modelCopyInfos: copies.map((copy) => ({
    location: copy.location,
    copyStatus: MODEL_STATUS[copy.status],
    time: BigInt(Math.trunc(copy.timeMs)),
  })),
});

/** `VModelStatusInfo` of a status; all defaults where there is no such endpoint. */
export function endpointStatusMessage(status: EndpointStatus): MessageInitShape<typeof VModelStatusInfoSchema> {
  if (status.status === 'NOT_FOUND') return { status: ENDPOINT_STATUS.NOT_FOUND };
  const { activeModelId, targetModelId, owner, activeModelStatus, targetModelStatus } = status;
  return {
    status: ENDPOINT_STATUS[status.status],
    activeModelId,
    targetModelId,
    owner,
    activeModelStatus: modelStatusMessage(activeModelStatus),
    ...(targetModelStatus === undefined ? {} : { targetModelStatus: modelStatusMessage(targetModelStatus) }),
  };
}
