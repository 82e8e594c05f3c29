/** The door of the room: which variant of an endpoint a call gets, at the node where it enters. */
export { type AskedCall, CallFacts, type PayloadValues } from './call-facts.ts';
export { policyExpressions } from './policy-expressions.ts';
export { NO_PICK_PLUGINS, type PickPlugins, PolicyInForce, type VariantChoice } from './policy-in-force.ts';
export {
  NO_SINK,
  VariantBook,
  type VariantBookParts,
  VariantCalls,
  type VariantReason,
  type VariantSink,
} from './variant-calls.ts';
export {
  type ChosenTarget,
  type FoundPayloads,
  LATEST_LABEL,
  type NamedTarget,
  VariantPicker,
  type VariantPickerParts,
  type WantedVariant,
  wantedBy,
} from './variant-picker.ts';
