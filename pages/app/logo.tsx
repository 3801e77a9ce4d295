export function Logo() {
  return (
    <span className="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" />
        <path d="M10.5 10.5h15v11h-15zM10.5 11l7.5 6 7.5-6M3.5 13.5h4M5 17.5h3" />
      </svg>
      posthaste
    </span>
  );
}
