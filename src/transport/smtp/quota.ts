/** How many connections to a relay may stand at once: one number for all its logins, which share it fairly and may be changed at any time. */

/** Who opens connections: one for each login. */
export interface Member {
  /** Has mail that waits, and no connection at all. */
  readonly isStarving: boolean;
  /** There may be room: open what is needed. */
  pump(): void;
  /** Ends an idle connection for the sake of another member; false: it has none. */
  spare(): boolean;
}

export class Quota {
  #limit: number;
  #open = 0;
  #peak = 0;
  /** Of those, told to end. */
  #leaving = 0;
  readonly #members: Member[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Those that stand, are being made, or are ending. */
  get open(): number {
    return this.#open;
  }

  /** The most of them at once since `restartPeak`. */
  get peak(): number {
    return this.#peak;
  }

  restartPeak(): void {
    this.#peak = this.#open;
  }

  get hasRoom(): boolean {
    return this.#open < this.#limit;
  }

  /** More stand than should, and one is to end. */
  get isExceeded(): boolean {
    return this.#open - this.#leaving > this.#limit;
  }

  join(member: Member): void {
    this.#members.push(member);
  }

  /** Another member is in need of a connection. */
  isWantedBesides(member: Member): boolean {
    return this.#members.length > 1 && this.#members.some((other) => other !== member && other.isStarving);
  }

  /** Asks the others to end an idle connection. */
  makeRoomFor(member: Member): void {
    if (this.#leaving > 0) return;
    this.#members.some((other) => other !== member && other.spare());
  }

  opened(): void {
    this.#open++;
    this.#peak = Math.max(this.#peak, this.#open);
  }

  leaves(): void {
    this.#leaving++;
  }

  closed(left: boolean): void {
    this.#open--;
    if (left) this.#leaving--;
    this.#pump();
  }

  /** Connections above a lower limit end after the transaction that they are in. */
  set limit(limit: number) {
    this.#limit = limit;
    let spared = true;
    while (this.isExceeded && spared) spared = this.#members.some((member) => member.spare());
    this.#pump();
  }

  /** Those in need first: the others would take the room again. */
  #pump(): void {
    if (this.#members.length === 1) {
      this.#members[0]?.pump();
      return;
    }
    const hungry = this.#members.filter((member) => member.isStarving);
    for (const member of [...hungry, ...this.#members.filter((other) => !hungry.includes(other))]) member.pump();
  }
}
