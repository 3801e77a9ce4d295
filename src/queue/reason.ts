/** Why a delivery is where it is. */

/**
 * Why a delivery is bounced (`refused`, `expired`, `suppressed`) or held (`operator`, `doubt`, `error`; from the start because of the
 * settings allow and holdAll: `not-allowed`, `hold-all`).
 */
export type Reason = 'refused' | 'expired' | 'suppressed' | 'operator' | 'doubt' | 'error' | 'not-allowed' | 'hold-all';
