/** The door of the V1 prediction protocol. */
export { modelListBody, modelStatusBody } from './bodies.ts';
export { decodePredictRequest, type PredictForm, type PredictRequest, type PredictRequestOptions } from './predict-request.ts';
export { encodePredictResponse } from './predict-response.ts';
