/** Calls `run` once what is already waiting on sockets has been read: the moment to send what one turn gathered as one batch. */
export const endOfTurn = (run: () => void): void => {
  setImmediate(run);
};
