import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Admin } from '../../src/admin/index.js';
import { PartialError } from '../../src/base/errors.js';
import { type ClientSettingOptions, clientSetting, rejection } from '../client/setting.js';

/** Three brokers with the topic "orders", unless told otherwise, a client, and an admin on it. */
export async function adminSetting(t: TestContext, options?: ClientSettingOptions) {
  const setting = await clientSetting(t, { brokers: 3, ...options });
  return { ...setting, admin: new Admin(setting.client) };
}

/** The error of a call that failed for some, and its results. */
export async function partly<R>(call: Promise<unknown>): Promise<{ error: PartialError<R>; results: readonly R[] }> {
  const error = await rejection(call);
  assert.ok(error instanceof PartialError, error.message);
  return { error: error as PartialError<R>, results: (error as PartialError<R>).results };
}
