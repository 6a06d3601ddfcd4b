import { asKafkaError, InputError, KafkaError } from '../base/errors.js';
import { withPersistence } from '../base/persistence.js';
import { isThenable } from '../base/wait.js';
import type { Bytes } from '../records/index.js';
import { type CheckedRecord, checkBytes, checkRecord, checkSize, type ProducerRecord, unitsIn } from './record.js';
import { type Serializers, serializeRecord } from './serializers.js';

/** What a producer asks of each record before it takes it. */
export class RecordChecks {
  readonly #needsKey: boolean;
  readonly #maxRequestBytes: number;
  /** The last topic that was found to have a legal name. */
  #legalTopic: string | undefined;

  /** @param needsKey Whether the partitioner cannot do without. */
  constructor(needsKey: boolean, maxRequestBytes: number) {
    this.#needsKey = needsKey;
    this.#maxRequestBytes = maxRequestBytes;
  }

  /** @throws KafkaError `TIDE_INPUT`, `TIDE_KEY_REQUIRED`, `TIDE_TOO_LARGE`. */
  record(record: ProducerRecord, what: string): CheckedRecord {
    const checked = checkRecord(record, what, this.#legalTopic);
    this.#legalTopic = checked.topic;
    if (this.#needsKey && checked.key === null && checked.partition === undefined) throw keyRequired(what);
    checkSize(checked.key, checked.value, checked.headers, this.#maxRequestBytes, what);
    return checked;
  }

  /** Each of them, or what is wrong with it, also where the list has a hole, which is no record. */
  each(records: readonly ProducerRecord[], what: string): readonly (CheckedRecord | KafkaError)[] {
    const checked: (CheckedRecord | KafkaError)[] = [];
    for (let i = 0; i < records.length; i++) checked.push(this.#recordOr(records[i] as ProducerRecord, what, i));
    return checked;
  }

  /** The record, serialised and checked, or what is wrong with it. */
  serialized<K, V>(
    serializers: Serializers,
    record: ProducerRecord<K, V>,
    what: string,
  ): CheckedRecord | KafkaError | Promise<CheckedRecord | KafkaError> {
    const made = attempt(() => serializeRecord(serializers, record, what));
    if (made instanceof KafkaError) return made;
    const check = (whole: ProducerRecord) => attempt(() => this.record(whole, what));
    return isThenable(made) ? made.then(check, unsent) : check(made);
  }

  /** @throws KafkaError when there is none where the partitioner needs one. */
  someKey(key: unknown, what: string): void {
    if (key === null && this.#needsKey) throw keyRequired(what);
  }

  /** The key of several values, which may be an error already. */
  key(key: unknown, what: string): Bytes | KafkaError {
    return attempt(() => {
      if (key instanceof KafkaError) throw key;
      this.someKey(key, what);
      return checkBytes(key, what, 'key');
    });
  }

  /**
   * The values that can be sent with this key.
   * @param refuse What is wrong with a value, which may be an error already, is wrong with that one alone.
   */
  values(key: Bytes, values: readonly unknown[], what: string, refuse: (index: number, error: KafkaError) => void): CheckedValues {
    const small = this.#maxRequestBytes / 8 - unitsIn(key);
    const checked: Bytes[] = [];
    let indexes: number[] | undefined;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      let bytes: Bytes | KafkaError;
      if ((value instanceof Uint8Array || typeof value === 'string') && value.length < small) bytes = value;
      else bytes = attempt(() => this.#value(key, value, `${what}, value ${i}`));
      if (bytes instanceof KafkaError) {
        indexes ??= checked.map((_, before) => before);
        refuse(i, bytes);
      } else {
        checked.push(bytes);
        indexes?.push(i);
      }
    }
    return { values: checked, indexes };
  }

  #value(key: Bytes, value: unknown, what: string): Bytes {
    if (value instanceof KafkaError) throw value;
    const bytes = checkBytes(value, what, 'value');
    checkSize(key, bytes, undefined, this.#maxRequestBytes, what);
    return bytes;
  }

  #recordOr(record: ProducerRecord, what: string, index: number): CheckedRecord | KafkaError {
    try {
      return this.record(record, what);
    } catch {
      return attempt(() => this.record(record, `${what}, record ${index}`)); // where it is takes time to say, so it is only said of an error
    }
  }
}

export interface CheckedValues {
  readonly values: readonly Bytes[];
  /** The place of each in its call; undefined where it is that of the value here. */
  readonly indexes: readonly number[] | undefined;
}

/** What `run` gives, or throws. */
export function attempt<T>(run: () => T): T | KafkaError {
  try {
    return run();
  } catch (error) {
    return unsent(error);
  }
}

/** Why nothing of it was sent. */
export const unsent = (error: unknown): KafkaError => withPersistence(asKafkaError(error, 'no'), 'no');

const keyRequired = (what: string): InputError =>
  new InputError(
    `${what}: the partitioner needs a key, got null; give one (it may be empty), name a partition, or use another partitioner`,
    { code: 'TIDE_KEY_REQUIRED' },
  );
