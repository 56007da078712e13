"""`api-base doctor`: show the effective configuration without secrets, and check each configured service."""

import typer


def doctor() -> None:
    """Show the configuration and check every service. Exit code 1 if a check fails."""
    import asyncio

    from api_base.bootstrap.configuration import load
    from api_base.operations.diagnosis import configuration_lines, diagnose
    from api_base.serving.resolving import database

    settings, contexts = load()
    print("\n".join(configuration_lines(settings)))
    with database(settings) as urls:
        findings = asyncio.run(diagnose(settings, urls, contexts))
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'FAIL'}  {finding.what}: {finding.detail}")
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)
