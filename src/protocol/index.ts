export * from './apis/index.js';
export {
  type Api,
  type DefinedApi,
  defineApi,
  Message,
  type RequestIn,
  type RequestOf,
  type ResponseInput,
  type ResponseOf,
  type Route,
  type Versions,
} from './define-api.js';
export * from './frame.js';
export type { Input, Output, Shape } from './schema.js';
