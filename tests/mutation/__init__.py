"""Small defects made by the thousand: does a test or the type checker notice each of them?"""
