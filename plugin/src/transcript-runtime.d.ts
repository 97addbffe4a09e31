/** OpenClaw publishes this module with its documentation (`plugins/sdk-runtime/agent`), and without types. */
declare module 'openclaw/plugin-sdk/session-transcript-runtime' {
  export function appendSessionTranscriptMessageByIdentityStrict(append: {
    agentId: string;
    sessionKey: string;
    sessionId: string;
    message: object;
    /** What has the same `idempotencyKey` is there already. */
    idempotencyLookup: 'scan';
    /** Whoever has the conversation open is told. */
    updateMode: 'inline';
  }): Promise<{ kind: 'result' | 'suppressed' | 'rejected' }>;
}
