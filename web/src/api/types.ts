// What the server answers, field by field as in `telemetry/view/answers.py`; a test
// compares the two. Times are Unix milliseconds (ending in _ms), lengths seconds (_s).

export interface Overview {
  version: string;
  store: string;
  now_ms: number;
  first_ms: number | null;
  last_ms: number | null;
  inputs: number;
  lines: number;
  size_bytes: number;
  functions: FunctionTotals[];
  agent: AgentState;
  problems: string[];
}

export interface AgentState {
  alive: boolean;
  pid: number | null;
  started_ms: number | null;
  problems: string[];
}

export interface FunctionTotals {
  function: string;
  mode: string | null;
  inputs: number;
  outcomes: Record<string, number>;
  rescheduled: number;
  retried: number;
  wait_p50_s: number | null;
  wait_p95_s: number | null;
  run_p50_s: number | null;
  run_p95_s: number | null;
  bursts: number;
  burst_s: number;
  peak: number;
  target: number | null;
  limit: number | null;
}

export interface Now {
  now_ms: number;
  store: string;
  changes: number;
  agent: AgentState;
  functions: FunctionNow[];
  containers: ContainerNow[];
  scopes: ScopeNow[];
  problem: string;
}

export interface FunctionNow {
  function: string;
  mode: string | null;
  running: number;
  queued: number | null;
  oldest_s: number | null;
  target: number | null;
  limit: number | null;
  max_containers: number | null;
  states: Record<string, number>;
  zones: Record<string, number>;
  want: number | null;
  settled: Record<string, number>;
}

export interface ContainerNow {
  container_id: string;
  function: string;
  pid: number | null;
  state: string;
  since_ms: number;
  zone: string;
  running: number;
  target: number | null;
  limit: number | null;
  slots: SlotNow[];
  blocked: BlockedNow | null;
}

export interface ScopeNow {
  process: string;
  service: string;
  pid: number | null;
  slots: SlotNow[];
}

export interface SlotNow {
  slot: number;
  input_id: string;
  function: string;
  attempt: number;
  since_ms: number;
  cancelled: boolean;
}

export interface BlockedNow {
  seconds: number;
  input_id: string | null;
  line: string | null;
}

export interface Container {
  container_id: string;
  function: string;
  pid: number | null;
  starting_ms: number | null;
  ready_ms: number | null;
  exited_ms: number | null;
  spawn_s: number | null;
  import_s: number | null;
  enter_s: number | null;
  exit_reason: string | null;
  exit_status: number | null;
  target: number | null;
  limit: number | null;
  state: string;
}

export interface Moment {
  kind: string;
  at_ms: number;
  until_ms: number | null;
  function: string;
  container_id: string | null;
  input_id: string | null;
  attempt: number | null;
  slot: number | null;
  reason: string | null;
  moved: Moved[];
  peak: number | null;
  seconds: number | null;
  detail: string | null;
}

export interface Moved {
  input_id: string;
  attempt: number;
  slot: number | null;
  outcome: string | null;
}

export interface Layout {
  store: string;
  now_ms: number;
  first_ms: number | null;
  last_ms: number | null;
  containers: Container[];
  moments: Moment[];
  cut: boolean;
}

export interface Tile {
  from_ms: number;
  to_ms: number;
  columns: number;
  containers: string[];
  functions: string[];
  bars: Bars;
  dots: Dots;
  load: Load[];
  links: Link[];
  complete: boolean;
}

// An execution that was interrupted, and the next one of the same input.
export interface Link {
  input: string;
  attempt: number;
  ending: string;
  from_container: string;
  from_slot: number;
  from_ms: number;
  to_container: string;
  to_slot: number;
  to_ms: number;
}

// One bar per execution; equal places of all lists belong together. start and end are
// milliseconds from the tile's begin; end -1: it still runs.
export interface Bars {
  container: number[];
  slot: number[];
  start: number[];
  end: number[];
  ending: string;
  zone: string;
  attempt: number[];
  wait: number[];
  input: string[];
}

// Executions shorter than a column, per slot and column.
export interface Dots {
  container: number[];
  slot: number[];
  column: number[];
  count: number[];
  share: number[];
  ending: string;
  zone: string;
}

export interface Load {
  function: number;
  running: number[];
  queued: number[];
}

export interface LoadHistory {
  function: string;
  from_ms: number;
  step_ms: number;
  running: number[];
  queued: number[];
  target: number[];
  limit: number[];
}

export interface InputSummary {
  input_id: string;
  call_id: string | null;
  function: string | null;
  parent_id: string | null;
  began_ms: number;
  enqueued_ms: number | null;
  started_ms: number | null;
  ended_ms: number | null;
  outcome: string | null;
  attempts: number;
  wait_s: number | null;
  wait_reason: string | null;
  run_s: number | null;
  total_s: number | null;
  container_id: string | null;
  slot: number | null;
  zone: string | null;
  concurrency: number | null;
  batch_size: number | null;
  error_type: string | null;
  error_text: string | null;
  blocked_s: number | null;
  trace_id: string | null;
  cancellation: Cancellation | null;
}

export interface Cancellation {
  cause: string;
  phase: string | null;
  mechanism: string | null;
  observed: string | null;
  requested_ms: number | null;
  deliver_s: number | null;
  unwind_s: number | null;
}

export interface Attempt {
  attempt: number;
  container_id: string | null;
  slot: number | null;
  started_ms: number | null;
  ended_ms: number | null;
  ending: string | null;
  zone: string | null;
  concurrency: number | null;
  wait_s: number | null;
  wait_reason: string | null;
  because_of: string | null;
}

export interface Span {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  kind: number;
  started_ms: number;
  ended_ms: number;
  status: number;
  status_text: string | null;
  scope: string;
  attempt: number | null;
  attributes: Field[];
  events: SpanEvent[];
}

export interface SpanEvent {
  name: string;
  at_ms: number;
  attributes: Field[];
}

export type Field = [string, string];

export interface Neighbour {
  input_id: string;
  attempt: number;
  function: string;
  container_id: string;
  slot: number | null;
  started_ms: number;
  ended_ms: number | null;
  ending: string | null;
}

export interface InputDetail {
  input: InputSummary;
  attempts: Attempt[];
  spans: Span[];
  children: InputSummary[];
  batch: string[];
  neighbours: Neighbour[];
  blocked: Blocked[];
  lines: number;
}

export interface Blocked {
  container_id: string | null;
  began_ms: number;
  seconds: number;
  input_id: string | null;
  line: string | null;
}

export interface Line {
  id: number;
  at_ms: number;
  cursor: string;
  level: string;
  event: string;
  logger: string | null;
  input_id: string | null;
  function: string | null;
  attempt: number | null;
  container_id: string | null;
  slot: number | null;
  late: boolean;
  stream: string | null;
  thread: string;
  exception: string | null;
  candidates: string[];
  fields: Field[];
  cut_chars: number;
}

export interface LinesPage {
  lines: Line[];
  older: string | null;
  newer: string | null;
  last: number;
  took_ms: number;
}

export interface Tail {
  lines: Line[];
  skipped: number;
}

export interface Failures {
  cancellations: CancelledInput[];
  groups: ErrorGroup[];
  lost: InputSummary[];
  cut: boolean;
}

export interface CancelledInput {
  input: InputSummary;
  container_ended: string | null;
  moved: Moved[];
}

export interface ErrorGroup {
  fingerprint: string;
  type: string;
  message: string;
  sample: string;
  count: number;
  first_ms: number;
  last_ms: number;
  counts: number[];
  functions: string[];
  inputs: string[];
}

export interface ContainersPage {
  containers: ContainerRow[];
  decisions: Decision[];
  load: LoadHistory[];
}

export interface ContainerRow {
  container: Container;
  executions: number;
  interrupted: number;
  peak: number;
  box: boolean;
}

export interface Decision {
  at_ms: number;
  function: string;
  want: number | null;
  have: number | null;
  demand: number | null;
  reason: string | null;
}

export interface PostMortem {
  container_id: string;
  state: string;
  until_ms: number | null;
  slots: SlotNow[];
  lines: Line[];
  outcomes: Record<string, number>;
  held: Held[];
  output: Output[];
  dropped: Record<string, number>;
}

export interface Held {
  at_ms: number;
  input_id: string | null;
  seconds: number;
  stack: string;
}

export interface Output {
  name: string;
  text: string;
}

export interface Problem {
  problem: string;
}
