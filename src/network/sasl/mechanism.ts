/** The connection that an exchange authenticates. */
export interface SaslTarget {
  /** The broker's host, as it advertises itself. */
  readonly host: string;
  readonly port: number;
  /** Aborted when the time to connect is over, or nobody wants the connection any more. */
  readonly signal: AbortSignal;
}

/** One authentication of one connection. */
export interface SaslExchange {
  /** What the client says first. */
  readonly first: Uint8Array;
  /**
   * The client's answer to what the broker said; undefined when the client is content and has nothing more to say.
   * @throws whatever it likes: then the broker is not trusted, and the connection is closed.
   */
  step(challenge: Buffer): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

/**
 * A way to authenticate that tidemark does not know itself, such as GSSAPI: pass it as the client's `sasl` option.
 * The same object serves all connections of a client, so what one exchange knows belongs into what `start` gives.
 */
export interface SaslMechanism {
  /** Kafka's name for it. */
  readonly mechanism: string;
  /** Begins an exchange: when a connection is opened, and again before its session ends. */
  start(target: SaslTarget): SaslExchange | Promise<SaslExchange>;
}

/** What the rest of the client knows of the way it authenticates. */
export interface Sasl extends SaslMechanism {
  start(target: SaslTarget): Promise<SaslExchange & SaslReport>;
  /** Whether a listener learns the password, or what is as good as one, when there is no TLS. */
  readonly cleartext: boolean;
  /** The broker refused, or was not trusted: what is kept for the next exchange may be to blame. */
  refused(): void;
}

/** What may be said of an exchange in an error. */
export interface SaslReport {
  /** Who we say we are, where that is known. */
  readonly user: string | undefined;
  /** What the broker gave as the reason while the exchange went on; OAUTHBEARER only. */
  readonly complaint?: string | undefined;
  /** What must not be seen in anything that the broker says. */
  readonly secrets: readonly string[];
}
