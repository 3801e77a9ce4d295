/** The frame while it is asked who looks: the same as index.html has, so that nothing goes and comes again. */
export function Opening() {
  return (
    <div className="shell">
      <div className="bar">
        <span className="home logo">
          <img src="./icon.svg" alt="" />
          posthaste
        </span>
      </div>
    </div>
  );
}
