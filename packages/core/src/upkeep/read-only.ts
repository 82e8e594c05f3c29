/** Read-only mode (`KV_READ_ONLY`, spec `modelmesh.md` §7.1): what a node may write while somebody else moves the registry. */

/** What a node does to the registry. */
export type RegistryAction =
  | 'register-model'
  | 'unregister-model'
  | 'change-model'
  | 'set-endpoint'
  | 'delete-endpoint'
  | 'carry-transition-on'
  | 'register-static-models'
  | 'reap-records'
  | 'repair-records'
  | 'publish-last-use'
  | 'publish-instance'
  | 'claim-copy'
  | 'withdraw-claim'
  | 'record-failure';

/** The mode stops what changes or prunes what is registered; serving goes on, and with it the claims that say who serves what. */
const WHILE_READ_ONLY: Readonly<Record<RegistryAction, boolean>> = {
  'register-model': false,
  'unregister-model': false,
  'change-model': false,
  'set-endpoint': false,
  'delete-endpoint': false,
  'carry-transition-on': false,
  'register-static-models': false,
  'reap-records': false,
  'repair-records': false,
  'publish-last-use': false,
  'publish-instance': true,
  'claim-copy': true,
  'withdraw-claim': true,
  'record-failure': true,
};

/** Whether a node may do this. */
export const mayWrite = (action: RegistryAction, readOnly: boolean): boolean => !readOnly || WHILE_READ_ONLY[action];
